package show

import (
	"fmt"
	"strconv"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// glyphs are the characters of a picture.
type glyphs struct {
	activity          [trace.Ended + 1]rune
	end, rule, tick   rune
	phase, goesOn     rune
	bullet, arrow     string
	different, branch string
	more              string
}

func (o Options) glyphs() *glyphs {
	if o.ASCII {
		return &glyphs{
			activity: [...]rune{' ', '.', '-', '=', '#', '~', ' '},
			end:      '|', rule: '-', tick: '+', phase: '|', goesOn: '>', bullet: "*", arrow: "<-", different: "!", branch: "`", more: ":",
		}
	}
	return &glyphs{
		activity: [...]rune{' ', '·', '▂', '▅', '█', '▒', ' '},
		end:      '┤', rule: '─', tick: '┬', phase: '│', goesOn: '›', bullet: "•", arrow: "←", different: "≠", branch: "└", more: "⋮",
	}
}

var activityStyles = [...]style{
	trace.Absent: plain, trace.Waiting: dim, trace.Up: yellow, trace.UpStarted: cyan, trace.UpReady: green,
	trace.Stopping: magenta, trace.Ended: plain,
}

// legend explains the picture.
func (p *painter) legend(o Options) {
	text := o.legend()
	if len([]rune(text)) > o.width() {
		p.paragraph(text, o.width(), 0)
	} else {
		p.styled(dim, text)
		p.WriteByte('\n')
	}
	p.WriteByte('\n')
}

func (o Options) legend() string {
	g := o.glyphs()
	text := ""
	for _, entry := range []struct {
		activity trace.Activity
		word     string
	}{
		{trace.Waiting, "waiting"}, {trace.Up, "running"}, {trace.UpStarted, "started"}, {trace.UpReady, "ready"}, {trace.Stopping, "stopping"},
	} {
		text += string(g.activity[entry.activity]) + " " + entry.word + "  "
	}
	return text + string(g.end) + "0 ended, with exit code"
}

// picture draws the lanes of one or more runs over a common axis.
type picture struct {
	options Options
	glyphs  *glyphs
	axis    *axis
	// label is the width of what stands left of the lanes.
	role, name int
}

func newPicture(o Options, runs ...Run) *picture {
	p := &picture{options: o, glyphs: o.glyphs()}
	var points []trace.Instant
	room := map[trace.Instant]int{}
	for _, run := range runs {
		for _, c := range run.Trace.Containers {
			p.role, p.name = max(p.role, len(c.Role.String())), max(p.name, len(c.Name))
		}
		points = append(points, 0, run.Trace.EndedAt)
		for i, pod := range drawn(run.Trace) {
			if i == 0 && run.Trace.HasJob() {
				p.name = max(p.name, len("job"))
			}
			p.name = max(p.name, len(podName(run.Trace, pod)))
			for _, segment := range phases(run, pod) {
				points = append(points, segment.from)
			}
		}
		for _, segment := range jobPhases(run.Trace) {
			points = append(points, segment.from)
		}
		for _, lane := range run.Trace.Lanes() {
			for _, s := range lane.Stretches {
				points = append(points, s.From, s.To)
				if s.Activity == trace.Ended {
					room[s.From] = max(room[s.From], 1+len(strconv.Itoa(int(s.ExitCode))))
				}
			}
		}
	}
	p.role, p.name = max(p.role, 3), min(p.name, o.width()/4)
	p.axis = newAxis(points, room, o.width()-p.left())
	return p
}

// left is the width of the labels and the gap behind them.
func (p *picture) left() int { return p.role + 1 + p.name + 2 }

func (p *picture) label(role, name string) line {
	l := make(line, p.options.width())
	l.put(0, dim, role)
	l.put(p.role+1, bold, cut(name, p.name, p.options.ASCII))
	return l
}

// draw paints the lanes of one run: a Job's line; for each Pod its line as kubectl shows it, then one for each container.
func (p *picture) draw(out *painter, run Run) {
	if run.Trace.HasJob() {
		l := p.label("job", "")
		p.drawPhases(l[p.left():], jobPhases(run.Trace))
		out.line(l)
	}
	lanes := run.Trace.Lanes()
	for _, pod := range drawn(run.Trace) {
		l := p.label("pod", podName(run.Trace, pod))
		p.drawPhases(l[p.left():], phases(run, pod))
		out.line(l)
		for _, lane := range lanes {
			if lane.Pod != pod {
				continue
			}
			c := run.Trace.Containers[lane.Container]
			l := p.label(c.Role.String(), c.Name)
			p.drawLane(l[p.left():], lane, run.Trace)
			out.line(l)
		}
	}
	if pods := run.Trace.Pods(); len(pods) > mostDrawn {
		out.paragraph(fmt.Sprintf("and %d more Pods, which the list below has", len(pods)-mostDrawn), p.options.width(), 0)
	}
}

// mostDrawn is how many Pods of a Job a picture shows.
const mostDrawn = 8

// drawn are the Pods of a picture.
func drawn(t *trace.Trace) []trace.PodRef {
	pods := t.Pods()
	return pods[:min(len(pods), mostDrawn)]
}

// podName names a Pod of a Job; a Pod that is alone needs no name.
func podName(t *trace.Trace, pod trace.PodRef) string {
	if !t.HasJob() {
		return ""
	}
	return pod.String()
}

// jobPhases returns what a Job is, change by change.
func jobPhases(t *trace.Trace) []segment {
	var segments []segment
	for i := range t.JobStatuses {
		s := &t.JobStatuses[i]
		if words := jobWords(s); len(segments) == 0 || segments[len(segments)-1].status != words {
			segments = append(segments, segment{s.At, words})
		}
	}
	for i := range t.Events {
		if t.Events[i].Kind == trace.JobRemoved {
			segments = append(segments, segment{t.Events[i].At, ""})
		}
	}
	return segments
}

// jobWords is the newest condition of a Job, or how many Pods of it are active.
func jobWords(s *trace.JobStatus) string {
	words := fmt.Sprintf("%d active", s.Active)
	for _, c := range s.Conditions {
		if c.True {
			words = string(c.Type)
		}
	}
	return words
}

func (p *picture) drawRuler(out *painter) {
	ticks, labels := p.axis.ruler(p.glyphs)
	for _, l := range []line{ticks, labels} {
		out.line(append(make(line, p.left()), l...))
	}
}

func (p *picture) drawLane(l line, lane trace.Lane, t *trace.Trace) {
	end := p.axis.column(t.EndedAt)
	for _, s := range lane.Stretches {
		from, to := p.axis.column(s.From), p.axis.column(s.To)
		atEnd := s.To >= t.EndedAt
		switch {
		case s.Activity == trace.Ended:
			if atEnd {
				to = len(l)
			}
			p.drawEnd(l[:min(to, len(l))], from, s)
		case atEnd:
			l.fill(from, max(to, from+1), activityStyles[s.Activity], p.glyphs.activity[s.Activity])
			if s.Activity != trace.Absent && t.Ending != trace.EndingRemoved && from <= end {
				l.put(max(end, from+1), dim, string(p.glyphs.goesOn))
			}
		default:
			l.fill(from, to, activityStyles[s.Activity], p.glyphs.activity[s.Activity])
		}
	}
}

func (p *picture) drawEnd(l line, from int, s trace.Stretch) {
	color := green
	if s.ExitCode != 0 {
		color = red
	}
	code := strconv.Itoa(int(s.ExitCode))
	l.put(from, color, string(p.glyphs.end))
	if from+1+len(code) <= len(l) {
		l.put(from+1, color, code)
	}
}

// segment is a time during which kubectl shows one STATUS.
type segment struct {
	from   trace.Instant
	status string
}

// phases returns what kubectl would have shown as STATUS, change by change. At the end of the Pod it is empty.
func phases(run Run, pod trace.PodRef) []segment {
	var segments []segment
	for i := range run.Trace.Statuses {
		s := &run.Trace.Statuses[i]
		if s.Pod != pod {
			continue
		}
		columns, _ := run.Trace.ColumnsAt(s.Pod, s.At, run.Rules)
		if n := len(segments); n == 0 || segments[n-1].status != columns.Status {
			segments = append(segments, segment{s.At, columns.Status})
		}
	}
	if at, gone := run.Trace.RemovedAt(pod, trace.Never); gone && len(segments) > 0 {
		segments = append(segments, segment{at, ""})
	}
	return segments
}

// drawPhases writes each STATUS where it begins, as far as there is room.
func (p *picture) drawPhases(l line, segments []segment) {
	for i, s := range segments {
		from, to := p.axis.column(s.from), len(l)
		if i+1 < len(segments) {
			to = p.axis.column(segments[i+1].from)
		}
		if from >= to || s.status == "" {
			continue
		}
		l.put(from, dim, string(p.glyphs.phase))
		room := to - from - 1
		if room >= min(4, len(s.status)) {
			l.put(from+1, plain, cut(s.status, room, p.options.ASCII))
		}
	}
}
