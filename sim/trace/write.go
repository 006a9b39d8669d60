package trace

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// writer appends JSON. A value or field that follows another gets its comma from the byte before it.
type writer struct {
	out        []byte
	containers []Container
	lead       string // white space to write before the next element
}

func (w *writer) open(bracket byte) { w.comma(); w.out = append(w.out, bracket) }

func (w *writer) close(bracket byte) { w.out = append(w.out, bracket) }

// raw sets white space that goes before the next field or element, after its comma.
func (w *writer) raw(space string) *writer {
	w.lead = space
	return w
}

func (w *writer) comma() *writer {
	if n := len(w.out); n > 0 {
		switch w.out[n-1] {
		case '{', '[', ':', '\n':
		default:
			w.out = append(w.out, ',')
		}
	}
	w.out = append(w.out, w.lead...)
	w.lead = ""
	return w
}

func (w *writer) field(name string) *writer {
	w.comma()
	w.out = append(w.out, '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, '"', ':')
	return w
}

func (w *writer) text(s string)     { w.out = appendString(w.out, s) }
func (w *writer) number(n int64)    { w.out = strconv.AppendInt(w.out, n, 10) }
func (w *writer) truth(b bool)      { w.out = strconv.AppendBool(w.out, b) }
func (w *writer) instant(i Instant) { w.out = append(appendInstant(append(w.out, '"'), i), '"') }
func (w *writer) duration(d time.Duration) {
	w.out = append(appendDuration(append(w.out, '"'), d), '"')
}

func (w *writer) optional(name, s string) {
	if s != "" {
		w.field(name).text(s)
	}
}

func (w *writer) list(outer, name string, n int, inner string, element func(int)) {
	if n == 0 {
		return
	}
	w.raw(outer).field(name)
	w.out = append(w.out, '[')
	for i := range n {
		w.raw(inner)
		element(i)
	}
	w.close(']')
}

func (w *writer) container(c Container) {
	w.open('{')
	w.field("name").text(c.Name)
	w.field("role").text(c.Role.String())
	w.close('}')
}

func (w *writer) pod(p PodRef) {
	if p == (PodRef{}) {
		return
	}
	w.field("pod")
	w.out = append(w.out, '{')
	w.field("index").number(int64(p.Index))
	w.field("attempt").number(int64(p.Attempt))
	w.close('}')
}

func (w *writer) event(e *Event) {
	w.open('{')
	w.field("at").instant(e.At)
	w.field("kind").text(e.Kind.String())
	w.pod(e.Pod)
	if e.Container != NoContainer {
		w.field("container").text(w.containers[e.Container].Name)
	}
	if e.Container != NoContainer || e.Run != 0 {
		w.field("run").number(int64(e.Run))
	}
	if e.Kind == Exited || e.ExitCode != 0 {
		w.field("exitCode").number(int64(e.ExitCode))
	}
	w.optional("reason", e.Reason)
	if e.Span != 0 {
		w.field("span").duration(e.Span)
	}
	w.list("", "causes", len(e.Causes), "", func(i int) { w.cause(&e.Causes[i]) })
	w.close('}')
}

func (w *writer) cause(c *Cause) {
	w.open('{')
	w.field("event").number(int64(c.Event))
	w.optional("because", c.Because)
	if c.Window != (Window{}) {
		w.field("window")
		w.out = append(w.out, '[')
		w.duration(c.Window.Min)
		w.comma().duration(c.Window.Max)
		w.close(']')
	}
	w.close('}')
}

func (w *writer) status(s *Status) {
	w.open('{')
	w.field("at").instant(s.At)
	w.pod(s.Pod)
	if s.Event >= 0 {
		w.field("event").number(int64(s.Event))
	}
	w.optional("phase", s.Phase.String())
	w.optional("reason", s.Reason)
	w.optional("message", s.Message)
	if s.Deleting {
		w.field("deleting").truth(true)
	}
	w.list("", "conditions", len(s.Conditions), "", func(i int) { w.condition(s.Conditions[i]) })
	if len(s.Containers) > 0 {
		w.field("containers")
		w.out = append(w.out, '[')
		for i := range s.Containers {
			if s.Containers[i].Present {
				w.containerStatus(w.containers[i].Name, &s.Containers[i])
			}
		}
		w.close(']')
	}
	w.close('}')
}

func (w *writer) condition(c Condition) {
	w.open('{')
	w.field("type").text(c.Type.String())
	if c.True {
		w.field("status").text("True")
	} else {
		w.field("status").text("False")
	}
	w.optional("reason", c.Reason)
	w.optional("message", c.Message(w.containers))
	w.close('}')
}

func (w *writer) containerStatus(name string, c *ContainerStatus) {
	w.open('{')
	w.field("name").text(name)
	w.field("ready").truth(c.Ready)
	w.field("started").truth(c.Started)
	w.field("restarts").number(int64(c.Restarts))
	w.state("state", c.State)
	w.state("lastState", c.Last)
	w.close('}')
}

// state writes nothing for the zero state; an absent run is -1.
func (w *writer) state(name string, s ContainerState) {
	if s == (ContainerState{}) {
		return
	}
	w.field(name)
	w.out = append(w.out, '{')
	w.field("kind").text(s.Kind.String())
	w.optional("reason", s.Reason)
	if s.Kind == StateTerminated || s.ExitCode != 0 {
		w.field("exitCode").number(int64(s.ExitCode))
	}
	if s.Run != -1 {
		w.field("run").number(int64(s.Run))
	}
	w.close('}')
}

func (w *writer) choice(c Choice) {
	w.open('{')
	w.field("at").instant(c.At)
	w.field("point").text(c.Point)
	w.field("options").number(int64(c.Options))
	w.field("taken").number(int64(c.Taken))
	w.close('}')
}

func (w *writer) unknown(u Unknown) {
	w.open('{')
	w.field("field").text(u.Field)
	w.field("why").text(u.Why)
	w.close('}')
}

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string. Bytes that are not UTF-8 become U+FFFD, as in every JSON writer.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		b := s[i]
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b < ' ' || b == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		default:
			dst = append(dst, b)
		}
		i++
	}
	return append(dst, '"')
}
