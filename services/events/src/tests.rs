//! Tests of the whole service: the real router, the real database, the real tokens.

mod app;
mod audit;
mod consumers;
mod domain;
mod grpc;
mod http;
mod jobs;
mod stage;
mod store;
