/** The values of a tree, such as a config, by names with dots, in its order. */
export function leaves(tree: Record<string, unknown>, front = ""): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] =>
    value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length
      ? leaves(value as Record<string, unknown>, `${front}${key}.`)
      : [[front + key, value]],
  );
}
