//! The order desk: many buyers wait, one clerk serves all who wait in one transaction.
//!
//! A durable commit costs the same for one order as for hundreds, and seats of a popular event are one row that
//! only one transaction at a time can change. So requests queue, and a single task takes everything that waits,
//! allots the seats in memory in the order of arrival, writes it in few statements and commits once. While it
//! does so the next group gathers; no timer is needed, and a lone buyer waits for nobody.
//!
//! Promises: nobody is answered before the commit; an order that cannot be written does not hurt those
//! beside it, because a group that fails is repeated order by order; whoever stops waiting may
//! find the order placed all the same, and learns of it by repeating it with the same key.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};
use std::sync::Arc;
use std::time::Duration;

use contracts::ids::{EventId, OrderId};
use contracts::messages::{OrderPlaced, TicketIssued};
use database::idempotency::{self, Answered, Key};
use database::{Database, Tx};
use messages::Message;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::domain::allotment::{Refusal, allot};
use crate::domain::order::{NewOrder, Order};
use crate::domain::ticket::Ticket;
use crate::error::{Error, Result};
use crate::store;

/// Orders that may wait; who comes then is sent away at once instead of waiting in vain.
const QUEUE_LENGTH_MAX: usize = 4096;
/// Orders of one transaction. More would make the first ones wait longer and save little.
const GROUP_ORDERS_MAX: usize = 256;
/// Tickets of one transaction, unless a single order has more.
const GROUP_TICKETS_MAX: u32 = 1000;
/// How long a group may take before those in it are told that it did not work.
const GROUP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long somebody waits for an answer, queue and all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes a request recognisable when it comes again.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose, and which.
    pub key: Key,
    /// A digest of the order, because the same key must mean the same order.
    pub fingerprint: String,
}

/// An order that has been authorized and checked, and wants to be placed.
#[derive(Clone, Debug)]
pub struct Request {
    pub new_order: NewOrder,
    pub claim: Option<Claim>,
}

struct Waiting {
    request: Request,
    answer: oneshot::Sender<Result<Arc<Order>>>,
}

/// Where orders are placed.
pub struct OrderDesk {
    queue: mpsc::Sender<Waiting>,
}

/// Who serves the desk: one task of the process.
pub struct Clerk {
    queue: mpsc::Receiver<Waiting>,
    database: Database,
}

/// A desk and its clerk. Orders wait until somebody runs the clerk.
pub fn open(database: &Database) -> (OrderDesk, Clerk) {
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH_MAX);
    (OrderDesk { queue: sender }, Clerk { queue: receiver, database: database.clone() })
}

impl OrderDesk {
    /// Places an order and waits until it is durable, or refused.
    pub async fn place(&self, request: Request) -> Result<Arc<Order>> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { request, answer };
        self.queue.try_send(waiting).map_err(|_| Error::OrderDeskFull)?;
        match timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(Error::OrderDeskSlow),
        }
    }
}

impl Clerk {
    /// Serves until `stopping`, and then whoever still waits.
    pub async fn serve_until(mut self, stopping: CancellationToken) {
        let mut waiting = Vec::with_capacity(GROUP_ORDERS_MAX);
        loop {
            tokio::select! {
                count = self.queue.recv_many(&mut waiting, GROUP_ORDERS_MAX) => {
                    if count == 0 {
                        return;
                    }
                }
                () = stopping.cancelled(), if !self.queue.is_closed() => self.queue.close(),
            }
            while !waiting.is_empty() {
                let count = orders_of_group(&waiting);
                self.serve(waiting.drain(..count).collect()).await;
            }
        }
    }

    async fn serve(&self, mut group: Vec<Waiting>) {
        // Whoever has gone away before anything was done need not be sold anything.
        group.retain(|waiting| !waiting.answer.is_closed());
        let requests: Vec<&Request> = group.iter().map(|waiting| &waiting.request).collect();
        match self.settle_in_time(&requests).await {
            Ok(outcomes) => group.into_iter().zip(outcomes).for_each(answer),
            // Whether it was committed is not known; only the key can tell, so nothing is repeated here.
            Err(error @ Error::OrderDeskSlow) => turn_away(group, &error),
            Err(error) if error.is_database_away() => turn_away(group, &error),
            Err(error) => self.serve_one_by_one(group, &error).await,
        }
    }

    /// One of them cannot be written; the others are not to suffer from it.
    async fn serve_one_by_one(&self, group: Vec<Waiting>, error: &Error) {
        tracing::warn!(%error, orders = group.len(), "a group of orders failed, serving one by one");
        for waiting in group {
            let outcome = self.settle_in_time(&[&waiting.request]).await;
            let outcome =
                outcome.and_then(|mut only| only.pop().unwrap_or(Err(Error::OrderDeskSlow)));
            answer((waiting, outcome));
        }
    }

    async fn settle_in_time(&self, group: &[&Request]) -> Result<Vec<Result<Arc<Order>>>> {
        let settled = timeout(GROUP_TIMEOUT, self.settle(group)).await;
        settled.unwrap_or(Err(Error::OrderDeskSlow))
    }

    /// Decides all requests of a group in one transaction: one outcome for each, in their order, when it is
    /// committed; or an error, and then nothing has happened.
    pub(crate) async fn settle(&self, group: &[&Request]) -> Result<Vec<Result<Arc<Order>>>> {
        let tx = self.database.begin().await?;
        let known = find_known(&tx, group).await?;
        let (turns, served) = take_turns(group, &known);
        let decided = self.sell(&tx, &served).await?;
        let earlier = find_earlier(&tx, &turns).await?;
        tx.commit().await?;
        let outcome = |turn| match turn {
            Turn::Served(place) => decided[place].clone().map_err(Error::from),
            Turn::Before(order_id) => {
                earlier.get(&order_id).cloned().ok_or(Error::OrderNotFound(order_id))
            }
            Turn::KeyReused => Err(Error::key_reused()),
        };
        Ok(turns.into_iter().map(outcome).collect())
    }

    /// Allots seats and writes what is sold.
    async fn sell(&self, tx: &Tx, served: &[&Request]) -> Result<Vec<Result<Arc<Order>, Refusal>>> {
        let now = self.database.clock().now();
        let wishes = served.iter().flat_map(|request| &request.new_order.wishes);
        let event_ids: BTreeSet<EventId> = wishes.map(|wish| wish.event_id).collect();
        let mut stock = store::event::lock_stock(tx, event_ids, now).await?;
        let allotted = allot(&mut stock, served.iter().map(|request| &request.new_order));
        let confirm = |(request, allotted): (&&Request, Result<_, _>)| {
            let confirmed =
                |allotted| Order::confirmed(&request.new_order, &allotted, now, rand::random);
            allotted.map(confirmed).map(Arc::new)
        };
        let decided: Vec<Result<Arc<Order>, Refusal>> =
            served.iter().zip(allotted).map(confirm).collect();
        let sold: Vec<&Order> = decided.iter().flatten().map(Arc::as_ref).collect();
        if !sold.is_empty() {
            store::event::take_seats(tx, &seats_of(&sold)).await?;
            store::order::insert_orders(tx, &sold).await?;
            idempotency::remember(tx, &answers(served, &decided), now).await?;
            tx.publish_all(&messages(tx, &sold)?).await?;
        }
        Ok(decided)
    }
}

/// How many of those who wait are served together.
fn orders_of_group(waiting: &[Waiting]) -> usize {
    let mut tickets = 0;
    let fits = |waiting: &&Waiting| {
        tickets += waiting.request.new_order.quantity();
        tickets <= GROUP_TICKETS_MAX
    };
    waiting.iter().take_while(fits).count().max(1)
}

fn answer((waiting, outcome): (Waiting, Result<Arc<Order>>)) {
    // Whoever has stopped waiting meanwhile has the order all the same.
    drop(waiting.answer.send(outcome));
}

fn turn_away(group: Vec<Waiting>, error: &Error) {
    tracing::error!(%error, orders = group.len(), "a group of orders could not be served");
    for waiting in group {
        answer((waiting, Err(Error::OrderDeskSlow)));
    }
}

/// What becomes of a request.
enum Turn {
    /// It is decided now; several requests with the same key share one place.
    Served(usize),
    /// It was answered before, with this order.
    Before(OrderId),
    /// Its key was used for another order.
    KeyReused,
}

async fn find_known(tx: &Tx, group: &[&Request]) -> Result<HashMap<Key, Answered>> {
    let claims = group.iter().filter_map(|request| request.claim.as_ref());
    let keys: Vec<Key> = claims.map(|claim| claim.key.clone()).collect();
    let answered = idempotency::find(tx, &keys).await?;
    Ok(answered.into_iter().map(|answered| (answered.key.clone(), answered)).collect())
}

/// Sorts out what has been answered before, and who of those with the same key is served.
fn take_turns<'a>(
    group: &[&'a Request],
    known: &HashMap<Key, Answered>,
) -> (Vec<Turn>, Vec<&'a Request>) {
    let mut served: Vec<&Request> = Vec::with_capacity(group.len());
    let mut firsts: HashMap<&Key, (usize, &str)> = HashMap::new();
    let mut turns = Vec::with_capacity(group.len());
    for &request in group {
        let place = served.len();
        let Some(Claim { key, fingerprint }) = &request.claim else {
            served.push(request);
            turns.push(Turn::Served(place));
            continue;
        };
        let turn = match (known.get(key), firsts.entry(key)) {
            (Some(answered), _) if answered.fingerprint == *fingerprint => {
                answered.answer.parse().map_or(Turn::KeyReused, Turn::Before)
            }
            (None, Entry::Occupied(first)) if first.get().1 == fingerprint => {
                Turn::Served(first.get().0)
            }
            (None, Entry::Vacant(first)) => {
                first.insert((place, fingerprint));
                served.push(request);
                Turn::Served(place)
            }
            _ => Turn::KeyReused,
        };
        turns.push(turn);
    }
    (turns, served)
}

async fn find_earlier(tx: &Tx, turns: &[Turn]) -> Result<HashMap<OrderId, Arc<Order>>> {
    let before = turns.iter().filter_map(|turn| match turn {
        Turn::Before(order_id) => Some(order_id.0),
        _ => None,
    });
    let order_ids: BTreeSet<_> = before.collect();
    if order_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let orders = store::order::find_orders(tx, order_ids).await?;
    Ok(orders.into_iter().map(|order| (order.id, Arc::new(order))).collect())
}

fn seats_of(sold: &[&Order]) -> BTreeMap<EventId, i64> {
    let mut seats = BTreeMap::new();
    for line in sold.iter().flat_map(|order| &order.lines) {
        *seats.entry(line.event_id).or_default() += i64::from(line.quantity);
    }
    seats
}

/// What is remembered of requests with a key: the order. A refusal is not: it may be different next time.
fn answers(served: &[&Request], decided: &[Result<Arc<Order>, Refusal>]) -> Vec<Answered> {
    let claimed = served.iter().zip(decided).filter_map(|(request, decided)| {
        let Claim { key, fingerprint } = request.claim.clone()?;
        let answer = decided.as_ref().ok()?.id.to_string();
        Some(Answered { key, fingerprint, answer })
    });
    claimed.collect()
}

fn messages(tx: &Tx, sold: &[&Order]) -> Result<Vec<Message>> {
    let mut messages = Vec::with_capacity(sold.len() * 2);
    for order in sold {
        messages.push(tx.message(&order_placed(order))?);
        for ticket in &order.tickets {
            messages.push(tx.message(&ticket_issued(ticket))?);
        }
    }
    Ok(messages)
}

fn order_placed(order: &Order) -> OrderPlaced {
    OrderPlaced {
        order_id: order.id,
        buyer_id: order.buyer_id,
        total: order.total,
        tickets: order.tickets.iter().map(|ticket| ticket.code.to_string()).collect(),
    }
}

fn ticket_issued(ticket: &Ticket) -> TicketIssued {
    TicketIssued {
        code: ticket.code.to_string(),
        order_id: ticket.order_id,
        event_id: ticket.event_id,
        customer_id: ticket.customer_id,
        owner_id: ticket.owner_id,
        price: ticket.price,
    }
}
