"""What the template and its proof cost, measured."""
