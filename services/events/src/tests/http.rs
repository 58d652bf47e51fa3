mod access;
mod events;
mod orders;
mod sales;
mod tickets;
