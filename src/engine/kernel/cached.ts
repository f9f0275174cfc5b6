/** `make`, which runs once for each key. */
export function cached<V>(make: (key: string) => V): (key: string) => V {
  return cachedBy((key: string) => key, make);
}

/** As `cached`, with the key made of what is given. */
export function cachedBy<K, V>(keyOf: (key: K) => string, make: (key: K) => V): (key: K) => V {
  const made = new Map<string, { value: V }>();
  return (key) => {
    const id = keyOf(key);
    const entry = made.get(id) ?? { value: make(key) };
    made.set(id, entry);
    return entry.value;
  };
}
