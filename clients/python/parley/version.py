"""The version of this package, which is that of Parley."""

VERSION = "0.1.0"
