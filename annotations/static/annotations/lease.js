/** How long the work stays this person's: said in minutes, renewed twice a minute, never counted down in seconds. */

import { minutesShort, timeLeft } from "./words.js";

export function showLease() {
  const tick = () => {
    // A saved draft moves it.
    const minutes = Math.round((Date.parse(document.getElementById("desk").dataset.lease) - Date.now()) / 60_000);
    document.getElementById("lease-long").textContent = timeLeft(minutes);
    document.getElementById("lease-short").textContent = minutesShort(minutes);
  };
  tick();
  setInterval(tick, 30_000);
}
