// A line over the months.

const SVG = "http://www.w3.org/2000/svg";

/** How often something occurs in each month. `by` has the numbers of those in which it does. */
export function trend(name, by, months) {
  const values = every(months[0], months.at(-1)).map((month) => by[month] || 0);
  const most = Math.max(1, ...values);
  const points = values.map((value, i) => `${(100 * i) / (values.length - 1)},${22 - (20 * value) / most}`).join(" ");
  const chart = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 100 24", preserveAspectRatio: "none", class: "trend", role: "img" })) chart.setAttribute(key, value);
  chart.setAttribute("aria-label", `${name}: from ${months[0]} to ${months.at(-1)}, at most ${most} a month`);
  const drawn = document.createElementNS(SVG, "polyline");
  drawn.setAttribute("points", points);
  chart.append(drawn);
  return chart;
}

/** All months from one to another. */
function every(first, last) {
  const months = [];
  for (let [year, month] = first.split("-").map(Number); ; month += 1) {
    if (month > 12) [year, month] = [year + 1, 1];
    const name = `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}`;
    if (name > last || months.length > 12000) return months;
    months.push(name);
  }
}
