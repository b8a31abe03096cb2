"""A tenant of Microsoft Defender for Endpoint, over HTTP."""
