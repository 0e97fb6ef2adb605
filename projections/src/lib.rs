//! Projectors, the projection runner, generations and the read-model queries.
