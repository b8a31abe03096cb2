"""The formats that an import reads, a module each; `recognise` tells them apart by their content."""
