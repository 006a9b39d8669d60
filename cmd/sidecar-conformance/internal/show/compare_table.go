package show

import (
	"fmt"
	"slices"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

const cellWidth = 11

// sideBySide shows when each event comes in each group; as many groups at a time as there is room for.
func (p *painter) sideBySide(groups []Group, o Options) {
	keys := mergeKeys(groups)
	name := 0
	for _, key := range keys {
		name = max(name, len([]rune(key)))
	}
	name = min(name, o.width()*2/5)
	perBlock := max(2, (o.width()-name-2)/cellWidth)
	// Every block begins with the first group, so that each difference can be seen.
	marks := marks{firstDifference(groups), movedKeys(groups)}
	for from := 1; from < len(groups); from += perBlock - 1 {
		block := append([]Group{groups[0]}, groups[from:min(from+perBlock-1, len(groups))]...)
		p.block(block, keys, marks, name, o)
	}
}

// marks say which rows differ although every group has them, and which one is the first to differ.
type marks struct {
	first string
	moved map[string]bool
}

func (p *painter) block(groups []Group, keys []string, m marks, name int, o Options) {
	width := 2 + name + cellWidth*len(groups)
	head := make(line, width)
	head.put(2, bold, "events")
	at := make([]map[string]trace.Instant, len(groups))
	for i, g := range groups {
		head.put(2+name+cellWidth*(i+1)-len(g.Letter), bold, g.Letter)
		at[i] = g.at
	}
	p.line(head)
	rows := make([]blockRow, 0, len(keys))
	for _, key := range keys {
		if row := (blockRow{key: key, at: at, first: key == m.first, moved: m.moved[key], name: name, width: width}); row.anywhere() {
			rows = append(rows, row)
		}
	}
	p.rows(rows, o)
	p.WriteByte('\n')
}

// rows writes the rows of a block. Of a long stretch that is equal everywhere only the ends are shown.
func (p *painter) rows(rows []blockRow, o Options) {
	for i := 0; i < len(rows); {
		equal := i
		for equal < len(rows) && rows[equal].equal() {
			equal++
		}
		if equal-i > 4 && !o.All {
			p.blockLine(rows[i], o)
			p.styled(dim, fmt.Sprintf("  %s %d more events, equal in all", o.glyphs().more, equal-i-2))
			p.WriteByte('\n')
			i = equal - 1
		}
		p.blockLine(rows[i], o)
		i++
	}
}

type blockRow struct {
	key          string
	at           []map[string]trace.Instant
	first, moved bool
	name, width  int
}

// anywhere reports whether any group has the event, everywhere whether all have it, equal whether all have it at the
// same place and instant.
func (r *blockRow) anywhere() bool {
	return slices.ContainsFunc(r.at, func(at map[string]trace.Instant) bool { _, has := at[r.key]; return has })
}

func (r *blockRow) everywhere() bool {
	return !slices.ContainsFunc(r.at, func(at map[string]trace.Instant) bool { _, has := at[r.key]; return !has })
}

func (r *blockRow) equal() bool {
	return r.everywhere() && !r.moved && !r.first &&
		!slices.ContainsFunc(r.at, func(at map[string]trace.Instant) bool { return at[r.key] != r.at[0][r.key] })
}

func (p *painter) blockLine(r blockRow, o Options) {
	l := make(line, r.width)
	s := plain
	switch {
	case r.first:
		s = red
		l.put(0, s, ">")
	case !r.everywhere() || r.moved:
		s = yellow
		l.put(0, s, o.glyphs().different)
	}
	l.put(2, s, cut(r.key, r.name, o.ASCII))
	for i, instants := range r.at {
		cell := "-"
		if at, has := instants[r.key]; has {
			cell = trace.Seconds(at)
		}
		l.put(2+r.name+cellWidth*(i+1)-len(cell), s, cell)
	}
	p.line(l)
}
