"""From figures to charts, pictures and the page."""
