"""What Microsoft Defender adds to KQL: tables and columns, old names, and what its queries often get wrong."""
