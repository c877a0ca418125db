"""How pictures come to the screen: what they consist of (`items.py`), fonts, icons, colours, the painter."""
