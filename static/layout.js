// How to lay tiles out. Pure.

const GAP = 10;
/** More columns are worth a slightly smaller tile: screens are wide, and empty sides look forgotten. */
const NEARLY = 0.92;

/** The number of columns, and the tile's width in pixels, for `count` tiles of 16:9 in an area.
 *  All tiles fit when they stay recognisable; otherwise the wall scrolls. */
export function layout(count, width, height, gap = GAP) {
  const choices = Array.from({ length: count }, (_, index) => {
    const columns = index + 1;
    const rows = Math.ceil(count / columns);
    const byWidth = (width - gap * (columns - 1)) / columns;
    const byHeight = ((height - gap * (rows - 1)) / rows) * (16 / 9);
    return { columns, rows, tile: Math.min(byWidth, byHeight) };
  });
  const largest = choices.reduce((best, choice) => (choice.tile > best.tile ? choice : best));
  const wider = choices.find(({ rows, tile }) => rows < largest.rows && tile >= largest.tile * NEARLY);
  const best = wider ?? largest;
  if (best.tile >= smallest(count, width)) return { columns: best.columns, tile: Math.floor(best.tile), gap };
  const columns = Math.max(1, Math.min(count, Math.floor((width + gap) / (smallest(count, width) + gap))));
  return { columns, tile: Math.floor((width - gap * (columns - 1)) / columns), gap };
}

/** A phone shows one camera a row, two when there are many. */
function smallest(count, width) {
  if (width < 600) return count > 8 ? Math.min(150, width) : Math.min(300, width);
  return count > 16 ? 190 : 260;
}
