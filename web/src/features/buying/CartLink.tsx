/** The way to the cart in the header, with the number of tickets in it. */
import { Link } from "@tanstack/react-router";
import { formatQuantity } from "../../ui/format";
import { Icon } from "../../ui/icons";
import styles from "./CartLink.module.css";
import { countTickets, useCart } from "./cart";

export function CartLink({ className = "" }: { className?: string }) {
  const count = countTickets(useCart());
  const words = count === 0 ? "Cart, empty" : `Cart, ${formatQuantity(count, "ticket")}`;
  return (
    <Link to="/cart" className={`${className} ${styles.link}`} aria-label={words} title={words}>
      <Icon name="cart" />
      {count > 0 && (
        <span className={styles.count} aria-hidden="true">
          {count}
        </span>
      )}
    </Link>
  );
}
