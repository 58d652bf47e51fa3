//! What events, orders and tickets are. Pure rules.

pub mod allotment;
pub mod event;
pub mod order;
pub mod sales;
pub mod ticket;
