"""The other sides of drivers/readers: each speaks the bytes of its device about the cards of a `CardField`."""
