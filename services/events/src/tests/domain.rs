mod allotment;
mod event;
mod order;
mod ticket;
