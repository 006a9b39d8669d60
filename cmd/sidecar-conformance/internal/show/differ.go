package show

import (
	"cmp"
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// difference is what sets one order apart from another.
type difference struct {
	// missing are in the first order only, extra in the second only.
	missing, extra []string
	moved          []move
}

func (d *difference) empty() bool { return len(d.missing)+len(d.extra)+len(d.moved) == 0 }

// move is an event that passed others: it comes before or after them in the first order and the other way round in the
// second, and at no time at one instant with them.
type move struct {
	key string
	// before are those that it comes before in the first order and after in the second; after the opposite.
	before, after []string
}

// differ compares two orders.
func differ(a, b *Group) difference {
	var d difference
	var common []string
	for _, key := range a.keys {
		if _, both := b.at[key]; both {
			common = append(common, key)
		} else {
			d.missing = append(d.missing, key)
		}
	}
	for _, key := range b.keys {
		if _, both := a.at[key]; !both {
			d.extra = append(d.extra, key)
		}
	}
	// Of events at one instant in the first order, those of the second decide: ties never count as moved.
	slices.SortStableFunc(common, func(x, y string) int {
		return cmp.Or(cmp.Compare(a.at[x], a.at[y]), cmp.Compare(b.at[x], b.at[y]))
	})
	stays := staying(common, a.at, b.at)
	for i := range common {
		if stays[i] {
			continue
		}
		if m := passed(common, i, stays, a.at, b.at); len(m.before)+len(m.after) > 0 {
			d.moved = append(d.moved, m)
		}
	}
	return d
}

// staying marks the events that need not have moved: a heaviest subsequence whose instants in the second order do not
// descend. Events that come at the same instant in both orders weigh more, so that what a change shifted is what moved.
func staying(keys []string, a, b map[string]trace.Instant) []bool {
	ranks := rank(keys, b)
	best := newPrefixMaximum(len(keys))
	previous := make([]int, len(keys))
	for i, key := range keys {
		weight, last := best.upTo(ranks[i])
		previous[i] = last
		if a[key] == b[key] {
			weight += 8
		}
		best.raise(ranks[i], weight+1, i)
	}
	stays := make([]bool, len(keys))
	_, last := best.upTo(len(keys) - 1)
	for i := last; i >= 0; i = previous[i] {
		stays[i] = true
	}
	return stays
}

// rank returns the position of each key's instant among all instants.
func rank(keys []string, at map[string]trace.Instant) []int {
	instants := make([]trace.Instant, len(keys))
	for i, key := range keys {
		instants[i] = at[key]
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(instants)))
	ranks := make([]int, len(keys))
	for i := range ranks {
		ranks[i], _ = slices.BinarySearch(sorted, instants[i])
	}
	return ranks
}

// prefixMaximum finds the heaviest of all entries up to a rank (a Fenwick tree).
type prefixMaximum struct{ weight, entry []int }

func newPrefixMaximum(n int) *prefixMaximum {
	p := &prefixMaximum{make([]int, n+1), make([]int, n+1)}
	for i := range p.entry {
		p.entry[i] = -1
	}
	return p
}

func (p *prefixMaximum) upTo(rank int) (weight, entry int) {
	entry = -1
	for i := rank + 1; i > 0; i -= i & -i {
		if p.weight[i] > weight {
			weight, entry = p.weight[i], p.entry[i]
		}
	}
	return weight, entry
}

func (p *prefixMaximum) raise(rank, weight, entry int) {
	for i := rank + 1; i < len(p.weight); i += i & -i {
		if weight > p.weight[i] {
			p.weight[i], p.entry[i] = weight, entry
		}
	}
}

// passed returns what the moved event passed. Of two moved ones that passed each other the earlier one says so.
func passed(keys []string, moved int, stays []bool, a, b map[string]trace.Instant) move {
	m := move{key: keys[moved]}
	for i, key := range keys {
		switch {
		case i < moved && !stays[i]:
		case a[m.key] < a[key] && b[m.key] > b[key]:
			m.before = append(m.before, key)
		case a[m.key] > a[key] && b[m.key] < b[key]:
			m.after = append(m.after, key)
		}
	}
	return m
}
