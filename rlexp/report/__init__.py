"""What runs have come to, as a page: runs -> arms -> statistics -> charts -> one HTML file and pictures beside it."""
