package sim

import (
	"slices"
	"strconv"
	"strings"
)

// Completion indexes of a Job. pkg/controller/job/indexed_job_utils.go.

// interval is a range of indexes, both ends included.
type interval struct{ first, last int32 }

// intervals are ranges in ascending order that do not touch.
type intervals []interval

// with returns the intervals with more indexes, which need not be in order. withOrderedIndexes, merge.
func (l intervals) with(indexes ...int32) intervals {
	all := slices.Clone(l)
	for _, i := range indexes {
		all = append(all, interval{i, i})
	}
	return all.joined()
}

func (l intervals) merge(other intervals) intervals {
	return append(slices.Clone(l), other...).joined()
}

// joined puts the intervals in order and joins what touches.
func (l intervals) joined() intervals {
	slices.SortFunc(l, func(a, b interval) int { return int(a.first - b.first) })
	out := l[:0]
	for _, next := range l {
		if n := len(out); n > 0 && next.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, next.last)
			continue
		}
		out = append(out, next)
	}
	return out
}

func (l intervals) total() int32 {
	sum := int32(0)
	for _, i := range l {
		sum += i.last - i.first + 1
	}
	return sum
}

func (l intervals) has(index int32) bool {
	for _, i := range l {
		if i.first <= index && index <= i.last {
			return true
		}
	}
	return false
}

// overlap is how many indexes are in both.
func (l intervals) overlap(other intervals) int32 {
	sum := int32(0)
	for _, a := range l {
		for _, b := range other {
			sum += max(min(a.last, b.last)-max(a.first, b.first)+1, 0)
		}
	}
	return sum
}

// String spells the indexes as the API does: "0,1,4-7".
func (l intervals) String() string {
	var b strings.Builder
	for _, i := range l {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(int(i.first)))
		switch {
		case i.last == i.first+1:
			b.WriteString("," + strconv.Itoa(int(i.last)))
		case i.last > i.first:
			b.WriteString("-" + strconv.Itoa(int(i.last)))
		}
	}
	return b.String()
}

// parseIndexes reads that spelling; what is not below completions is left out. parseIndexesFromString.
func parseIndexes(text string, completions int32) intervals {
	var out intervals
	if text == "" {
		return nil
	}
	for _, part := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.ParseInt(first, 10, 32)
		if err != nil || from < 0 {
			continue
		}
		if int32(from) >= completions {
			break
		}
		to := from
		if isRange {
			if to, err = strconv.ParseInt(last, 10, 32); err != nil {
				continue
			}
			to = min(to, int64(completions)-1)
		}
		out = append(out, interval{int32(from), int32(to)})
	}
	return out.joined()
}

// firstPending returns at most count indexes below completions that are in none of the intervals.
func (l intervals) firstPending(count, completions int32) []int32 {
	var out []int32
	candidate := int32(0)
	for _, taken := range l {
		for ; candidate < min(completions, taken.first) && int32(len(out)) < count; candidate++ {
			out = append(out, candidate)
		}
		candidate = max(candidate, taken.last+1)
	}
	for ; candidate < completions && int32(len(out)) < count; candidate++ {
		out = append(out, candidate)
	}
	return out
}
