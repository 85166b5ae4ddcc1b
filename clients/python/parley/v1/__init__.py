"""The messages of the protocol, generated from proto/ by protoc."""
