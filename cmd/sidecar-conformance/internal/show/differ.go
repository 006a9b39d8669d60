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
	stays := longestAscending(common, b.at)
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

// longestAscending marks a longest subsequence of keys whose instants do not descend: what need not move.
func longestAscending(keys []string, at map[string]trace.Instant) []bool {
	previous := make([]int, len(keys))
	var ends []int // ends[n] is the index with the earliest instant that ends a subsequence of length n+1
	for i, key := range keys {
		n, _ := slices.BinarySearchFunc(ends, at[key], func(j int, instant trace.Instant) int {
			if at[keys[j]] <= instant {
				return -1
			}
			return 1
		})
		previous[i] = -1
		if n > 0 {
			previous[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	stays := make([]bool, len(keys))
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = previous[i] {
			stays[i] = true
		}
	}
	return stays
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
