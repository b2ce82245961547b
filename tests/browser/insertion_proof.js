/**
 * Every weak order of up to six letters, and many of seven to nine by a fixed seed: is what was hidden found, is what
 * is known on the way true, and are no more questions asked than was said? Evaluated in a page by test_pair.py.
 */
async (address) => {
  const { known, most, question } = await import(address);
  let seed = 7;
  const random = (below) => Math.floor(((seed = (seed * 48271) % 2147483647) / 2147483647) * below);
  const groups = (letters, ranks) => [...Map.groupBy(letters, (letter) => ranks[letters.indexOf(letter)])]
    .sort(([one], [other]) => one - other).map(([, tied]) => tied);
  function* every(k, ranks = []) {
    const full = ranks.length === k;
    if (full && new Set(ranks).size === Math.max(...ranks) + 1) yield ranks;
    if (!full) for (let rank = 0; rank < k; rank += 1) yield* every(k, [...ranks, rank]);
  }
  function* many(k, count) {
    for (let n = 0; n < count; n += 1) {
      const tiers = 1 + random(k);
      yield Array.from({ length: k }, () => random(tiers));
    }
  }
  const wrong = [];
  const asked = (letters, ranks, base) => {
    const rank = (letter) => ranks[letters.indexOf(letter)];
    const said = [];
    for (let pair = question(letters, said, base); pair; pair = question(letters, said, base)) {
      const [first, second] = pair;
      said.push(rank(first) === rank(second) ? `${first}=${second}` : rank(first) < rank(second) ? `${first}>${second}` : `${second}>${first}`);
      const sofar = known(letters, said, base);
      const fits = sofar.every((tied, at) => tied.every((letter) => rank(letter) === rank(tied[0]) && (!at || rank(sofar[at - 1][0]) < rank(letter))));
      if (!fits || said.length > most(letters, base)) wrong.push([ranks, base, said, sofar]);
    }
    if (JSON.stringify(known(letters, said, base)) !== JSON.stringify(groups(letters, ranks))) wrong.push([ranks, base, said]);
    return said.length;
  };
  const worst = {};
  for (let k = 2; k <= 9; k += 1) {
    const letters = [..."abcdefghi"].slice(0, k);
    worst[k] = 0;
    for (const ranks of k < 7 ? every(k) : many(k, 400)) {
      worst[k] = Math.max(worst[k], asked(letters, ranks, []));
      const placed = letters.filter(() => random(2));
      if (k > 4) asked(letters, ranks, groups(letters, ranks).map((tied) => tied.filter((letter) => placed.includes(letter))).filter((tied) => tied.length));
    }
  }
  return { worst, wrong: wrong.slice(0, 3) };
}
