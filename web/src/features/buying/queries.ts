/** What buying asks the server and tells it. */
import type { QueryClient } from "@tanstack/react-query";
import { api, query } from "../../api/client";
import { pagesQuery } from "../../api/paging";
import { isProblem } from "../../api/problem";
import type { Order, User } from "../../api/types";
import { attemptKey, settleAttempt, type WantedOrder } from "./attempts";
import { type CartLine, cart } from "./cart";

/** One's own orders, the latest first. */
export const ordersQuery = pagesQuery<Order>(
  ["own orders"],
  async (cursor, signal) => (await api.GET("/api/v1/orders", { params: { query: { cursor } }, signal })).data,
);

export const orderQuery = (orderId: string) =>
  query.queryOptions("get", "/api/v1/orders/{id}", { params: { path: { id: orderId } } });

/**
 * Orders the lines, with the buyer's name on the tickets. Only when the server has answered is
 * anything taken as bought.
 */
export async function placeOrder(queryClient: QueryClient, buyer: User, lines: CartLine[]): Promise<Order> {
  const { id, firstName, lastName, email } = buyer;
  const wanted = { lines, buyer: { name: `${firstName} ${lastName}`, email } };
  const key = attemptKey(id, wanted);
  const order = await sendOrder(key, wanted);
  settleAttempt(key);

  cart.remove(lines.map(({ eventId }) => eventId));
  // Seats, tickets and orders have all changed; the order itself is known already.
  await queryClient.invalidateQueries({ refetchType: "none" });
  queryClient.setQueryData(orderQuery(order.id).queryKey, order);
  return order;
}

async function sendOrder(key: string, wanted: WantedOrder): Promise<Order> {
  try {
    const { data } = await api.POST("/api/v1/orders", {
      params: { header: { "Idempotency-Key": key } },
      body: wanted,
    });
    if (data === undefined) throw new Error("the order was answered without an order");
    return data;
  } catch (error) {
    if (isRefusal(error)) settleAttempt(key);
    throw error;
  }
}

/** These say "not now" about the call, not "no" to the order. */
const PASSING_STATUSES = [401, 408, 425, 429];

/** True when the server decided against the order; anything else may still have become one. */
export function isRefusal(error: unknown): boolean {
  if (!isProblem(error) || error.status < 400 || error.status >= 500) return false;
  return !PASSING_STATUSES.includes(error.status);
}
