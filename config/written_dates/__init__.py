"""How dates and times are written where nothing else says: as the pages write them."""
