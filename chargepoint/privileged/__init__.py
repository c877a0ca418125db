"""What the helper does beside its short deeds: network, clock and power of the computer, by D-Bus. Imported only there."""
