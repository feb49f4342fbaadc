// A line over the months.

const SVG = "http://www.w3.org/2000/svg";

/** How often something occurs in each month. `by` has the numbers of those in which it does. */
export function trend(name, by, months) {
  const values = months.map((month) => by[month] || 0);
  const most = Math.max(...values);
  const points = values.map((value, i) => `${(100 * i) / (months.length - 1)},${22 - (20 * value) / most}`).join(" ");
  const chart = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 100 24", preserveAspectRatio: "none", class: "trend", role: "img" })) chart.setAttribute(key, value);
  chart.setAttribute("aria-label", `${name}: from ${months[0]} to ${months.at(-1)}, at most ${most} a month`);
  const drawn = document.createElementNS(SVG, "polyline");
  drawn.setAttribute("points", points);
  chart.append(drawn);
  return chart;
}
