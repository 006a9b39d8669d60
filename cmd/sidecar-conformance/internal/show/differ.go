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

// move is an event that passed another one: key and other come in one order here and in the opposite order there, and
// not at one instant in either.
type move struct {
	key, other string
	// before is true where key comes first in the first order.
	before bool
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
		if m, found := witness(common, i, stays, a.at, b.at); found {
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

// witness returns the nearest event that stays and that the moved one passed.
func witness(keys []string, moved int, stays []bool, a, b map[string]trace.Instant) (move, bool) {
	key := keys[moved]
	for distance := 1; distance < len(keys); distance++ {
		if i := moved - distance; i >= 0 && stays[i] && a[keys[i]] < a[key] && b[keys[i]] > b[key] {
			return move{key, keys[i], false}, true
		}
		if i := moved + distance; i < len(keys) && stays[i] && a[keys[i]] > a[key] && b[keys[i]] < b[key] {
			return move{key, keys[i], true}, true
		}
	}
	return move{}, false
}
