import { createFileRoute } from "@tanstack/react-router";
import { CartPage } from "../features/buying/CartPage";

export const Route = createFileRoute("/cart")({ component: CartPage });
