package trace

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// TextOptions says how the text form is laid out. The zero value is the form of golden files.
type TextOptions struct {
	// All shows the kubelet's inner steps too (Kind.Mechanism).
	All bool
	// Numbers adds a first column with the event's position, by which `--why` finds it.
	Numbers bool
	// Width, if positive, is the number of columns to stay within: the last column is wrapped, and the column of roles is
	// left out if there is no room for both.
	Width int
}

// Text returns the text form: a header and one line for each event.
func (t *Trace) Text(o TextOptions) string { return string(t.AppendText(nil, o)) }

// AppendText appends the text form to dst.
func (t *Trace) AppendText(dst []byte, o TextOptions) []byte {
	visible := Visible
	if o.All {
		visible = func(*Event) bool { return true }
	}
	rows := make([]row, 0, len(t.Events)+1)
	rows = append(rows, headerRow())
	for i := range t.Events {
		if visible(&t.Events[i]) {
			rows = append(rows, t.row(int32(i), visible))
		}
	}
	layout := t.layout(rows, o)
	for i := range rows {
		layout.shorten(&rows[i])
		dst = layout.append(dst, &rows[i])
	}
	return dst
}

// Visible reports whether the event is shown to a reader who did not ask for the kubelet's inner steps.
func Visible(e *Event) bool { return !e.Kind.Mechanism() }

// The columns of the text form, from the left.
const (
	columnNumber = iota
	columnAt
	columnPod
	columnRole
	columnContainer
	columnEvent
	columnBecause
	columnCount
)

// row is one line. brief, if set, is what the event's column may hold instead where it is too narrow.
type row struct {
	cells [columnCount]string
	brief string
}

func headerRow() row {
	return row{cells: [columnCount]string{"#", "at", "pod", "role", "container", "event", "because"}}
}

func (t *Trace) row(i int32, visible func(*Event) bool) row {
	e := &t.Events[i]
	r := row{cells: [columnCount]string{
		columnNumber:    strconv.Itoa(int(i)),
		columnAt:        Seconds(e.At),
		columnPod:       "-",
		columnRole:      podRole(e.Kind).String(),
		columnContainer: "-",
		columnEvent:     e.Words(),
		columnBecause:   t.Because(i, visible),
	}}
	if !e.Kind.OfJob() {
		r.cells[columnPod] = e.Pod.String()
	}
	if e.Kind == BackOff || e.Kind == DeleteRequested {
		r.brief = e.Brief()
	}
	if e.Container != NoContainer {
		c := t.Containers[e.Container]
		r.cells[columnRole], r.cells[columnContainer] = c.Role.String(), c.Name
	}
	return r
}

// podRole is the role of an event without a container.
func podRole(k Kind) Role {
	switch {
	case k == Relist:
		return RoleNode
	case k.OfJob():
		return RoleJob
	}
	return RolePod
}

// Seconds writes the instant in seconds with three decimals, cut and not rounded, so that order is never turned round.
func Seconds(i Instant) string {
	if i == Never {
		return neverWord
	}
	milliseconds := int64(i) / 1e6
	fraction := strconv.Itoa(int(milliseconds % 1000))
	return strconv.FormatInt(milliseconds/1000, 10) + "." + "000"[len(fraction):] + fraction + "s"
}

// layout holds the width of each column; 0 leaves the column out.
type layout struct {
	width [columnCount]int
	total int
}

// least is the width of each column in golden files, whatever the trace: neighbours in a directory look alike.
var least = [columnCount]int{columnAt: 11, columnRole: 7, columnContainer: 9, columnEvent: 21, columnBecause: 7}

// becauseLeast is the room that the last column needs next to the roles.
const becauseLeast = 26

func (t *Trace) layout(rows []row, o TextOptions) layout {
	l := layout{total: o.Width}
	if o.Width == 0 {
		l.width = least
	}
	for _, r := range rows {
		for column, cell := range r.cells {
			l.width[column] = max(l.width[column], utf8.RuneCountInString(cell))
		}
	}
	if !o.Numbers {
		l.width[columnNumber] = 0
	}
	if !t.severalPods() {
		l.width[columnPod] = 0
	}
	if o.Width > 0 {
		l.width[columnContainer] = min(l.width[columnContainer], max(least[columnContainer], o.Width/4))
		l.width[columnEvent] = min(l.width[columnEvent], max(least[columnEvent], o.Width/3))
		if o.Width-l.before(columnBecause) < becauseLeast {
			l.width[columnRole] = 0
		}
	}
	return l
}

func (t *Trace) severalPods() bool {
	first, found := PodRef{}, false
	for i := range t.Events {
		switch e := &t.Events[i]; {
		case e.Kind.OfJob():
		case !found:
			first, found = e.Pod, true
		case e.Pod != first:
			return true
		}
	}
	return false
}

const gap = 2

// shorten lets an event that is wider than its column do without its details, and cuts a long name.
func (l *layout) shorten(r *row) {
	if r.brief != "" && utf8.RuneCountInString(r.cells[columnEvent]) > l.width[columnEvent] {
		r.cells[columnEvent] = r.brief
	}
	if width := l.width[columnContainer]; l.total > 0 && utf8.RuneCountInString(r.cells[columnContainer]) > width {
		r.cells[columnContainer] = r.cells[columnContainer][:width-1] + "~"
	}
}

// before is where the column begins.
func (l *layout) before(column int) int {
	sum := 0
	for _, width := range l.width[:column] {
		if width > 0 {
			sum += width + gap
		}
	}
	return sum
}

func (l *layout) append(dst []byte, r *row) []byte {
	used := 0
	for column := range columnBecause {
		width := l.width[column]
		if width == 0 {
			continue
		}
		cell := r.cells[column]
		spaces := width - utf8.RuneCountInString(cell)
		if column == columnNumber || column == columnAt {
			dst = pad(dst, spaces)
			spaces = 0
		}
		dst = append(dst, cell...)
		dst = pad(dst, max(spaces, 0)+gap)
		used += max(width, utf8.RuneCountInString(cell)) + gap
	}
	dst = l.appendWrapped(dst, used, r.cells[columnBecause])
	return append(trimRight(dst), '\n')
}

// appendWrapped writes the last cell, breaking it between words where it leaves the width.
func (l *layout) appendWrapped(dst []byte, used int, text string) []byte {
	start := l.before(columnBecause)
	if l.total == 0 || used+utf8.RuneCountInString(text) <= l.total {
		return append(dst, text...)
	}
	column := used
	for i, word := range strings.Fields(text) {
		size := utf8.RuneCountInString(word)
		switch {
		case i == 0 && used == start:
		case i == 0 || column+1+size > l.total:
			dst = pad(append(trimRight(dst), '\n'), start)
			column = start
		default:
			dst = append(dst, ' ')
			column++
		}
		dst = append(dst, word...)
		column += size
	}
	return dst
}

func trimRight(dst []byte) []byte {
	for len(dst) > 0 && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func pad(dst []byte, spaces int) []byte {
	for range spaces {
		dst = append(dst, ' ')
	}
	return dst
}
