/** Where a logged page is shown: without an origin, by the policy that it is answered with. */
import { address } from "./bytes";

export function Frame({ src, title }: { src: string; title: string }) {
  return <iframe title={title} src={address(src)} sandbox="allow-scripts" loading="lazy" referrerpolicy="no-referrer" />;
}
