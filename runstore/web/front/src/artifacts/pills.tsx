/** Aliases of a version, those that people gave before `latest`. */
export function Aliases({ aliases }: { aliases: readonly string[] }) {
  const ordered = [...aliases].sort((a, b) => Number(a === "latest") - Number(b === "latest"));
  return (
    <>
      {ordered.map((alias) => (
        <span key={alias} class={alias === "latest" ? "pill" : "pill accent"} title={alias}>{alias}</span>
      ))}
    </>
  );
}
