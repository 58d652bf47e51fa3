/**
 * Rows under named columns: figures at the right, a card per row on a phone, the empty state when
 * there are none, and "Show more" while the list has further pages.
 */
import { Button, Center, Table } from "@mantine/core";
import type { ReactNode } from "react";
import styles from "./DataTable.module.css";

export interface Column<Row> {
  key: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** Figures and money are set at the right so that digits stand under digits. */
  isNumeric?: boolean;
  /** Says what the row is; on a phone it heads the card and needs no name. */
  isTitle?: boolean;
}

interface DataTableProps<Row> {
  /** Read out by screen readers as the table's name. */
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  empty: ReactNode;
  /** Given when there is another page to load. */
  onMore?: () => void;
  isLoadingMore?: boolean;
}

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, columns, rows, rowKey, empty, onMore, isLoadingMore } = props;
  if (rows.length === 0) return empty;

  return (
    <>
      <Table className={styles.table} verticalSpacing="sm" highlightOnHover>
        <caption>{caption}</caption>
        <Table.Thead>
          <Table.Tr>
            {columns.map(({ key, header, isNumeric }) => (
              <Table.Th key={key} scope="col" className={isNumeric ? styles.numeric : undefined}>
                {header}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={rowKey(row)}>
              {columns.map(({ key, header, cell, isNumeric, isTitle }) => (
                <Table.Td
                  key={key}
                  data-label={isTitle ? undefined : header}
                  className={isNumeric ? styles.numeric : undefined}
                >
                  {cell(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {onMore && (
        <Center mt="md">
          <Button variant="default" onClick={onMore} loading={isLoadingMore}>
            Show more
          </Button>
        </Center>
      )}
    </>
  );
}
