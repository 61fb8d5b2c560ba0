// Numbers and times as people read them.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

export function bytes(number) {
  if (number === null || number === undefined) return "-";
  let unit = 0;
  let value = number;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNITS[unit]}`;
}

export function count(number) {
  return number === null || number === undefined ? "-" : number.toLocaleString("en");
}

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "-";
  if (ms < 1) return `${ms.toFixed(3)} ms`;
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : seconds(ms / 1000);
}

export function seconds(time) {
  if (time === null || time === undefined) return "-";
  if (time < 1) return `${Math.round(time * 1000)} ms`;
  if (time < 60) return `${time.toFixed(1)} s`;
  const whole = Math.floor(time);
  const parts = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  return parts.filter(([value]) => value > 0).slice(0, 2).map(([value, unit]) => `${value} ${unit}`).join(" ");
}

export function moment(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toLocaleString();
}

export function percent(fraction) {
  return fraction === null || fraction === undefined ? "-" : `${Math.floor(fraction * 100)} %`;
}
