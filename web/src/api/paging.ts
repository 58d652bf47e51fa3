/** Lists that the server hands out a page at a time, from the first page on. */
import {
  infiniteQueryOptions,
  type QueryKey,
  useInfiniteQuery,
  useSuspenseInfiniteQuery,
} from "@tanstack/react-query";

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

type LoadPage<Item> = (cursor: string | undefined, signal: AbortSignal) => Promise<Page<Item> | undefined>;

/** For a route's loader (`ensureInfiniteQueryData`) and its page (`usePages`). */
export function pagesQuery<Item>(queryKey: QueryKey, load: LoadPage<Item>) {
  return infiniteQueryOptions({
    queryKey: ["pages", ...queryKey],
    queryFn: async ({ pageParam, signal }): Promise<Page<Item>> =>
      (await load(pageParam, signal)) ?? { items: [], nextCursor: null },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextCursor ?? undefined,
  });
}

/** The rows loaded so far, and what a `DataTable` needs to offer more. */
export function usePages<Item>(options: ReturnType<typeof pagesQuery<Item>>) {
  const { data, hasNextPage, fetchNextPage, isFetchingNextPage } = useSuspenseInfiniteQuery(options);
  return {
    items: data.pages.flatMap((page) => page.items),
    onMore: hasNextPage ? () => void fetchNextPage() : undefined,
    isLoadingMore: isFetchingNextPage,
  };
}

/** The same for a list that is only a part of its page: what fails is said where the list would be. */
export function usePagesInPlace<Item>(options: ReturnType<typeof pagesQuery<Item>>) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(options);
  return {
    items: data?.pages.flatMap((page) => page.items),
    error,
    onRetry: () => void refetch(),
    onMore: hasNextPage ? () => void fetchNextPage() : undefined,
    isLoadingMore: isFetchingNextPage,
  };
}

/** Every item of a list that is short by its nature, such as customers to choose from. */
export async function loadAll<Item>(load: (cursor: string | undefined) => Promise<Page<Item> | undefined>) {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const loaded = await load(cursor);
    items.push(...(loaded?.items ?? []));
    if (!loaded?.nextCursor) break;
    cursor = loaded.nextCursor;
  }
  return items;
}

/** The longest page the server hands out. */
export const PAGE_LENGTH_MAX = 200;
const PAGES_MAX = 10;
