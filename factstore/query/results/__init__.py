"""What a query gives: groups and aggregates, order and pages, and results in every shape they are asked for."""
