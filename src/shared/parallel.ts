/**
 * Works on items in their order, so many at a time. After an error no other item is begun; when those under way have
 * ended, the error of the first item that has one is thrown.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  atATime: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array<R>(items.length);
  let next = 0;
  const errors = new Map<number, unknown>();
  const worker = async (): Promise<void> => {
    while (next < items.length && errors.size === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        errors.set(index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, () => worker()));
  if (errors.size > 0) throw errors.get(Math.min(...errors.keys()));
  return results;
}
