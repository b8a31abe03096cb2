"""Microsoft's language service for KQL in a JavaScript engine."""
