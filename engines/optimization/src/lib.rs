//! Plans for small businesses: inventory, staffing, rosters, budgets. Pure: knows no tenant, no event, no I/O.
