//! Forecasts, intervals and anomalies for business time series. Pure: knows no tenant, no event, no I/O.
