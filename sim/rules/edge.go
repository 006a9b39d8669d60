package rules

import (
	"strconv"
	"strings"
)

// An edge says that one container needs another.
type edge struct {
	from, to *part
	phase    Phase
	// inferred edges are read out of ports and images; nobody declared them. why says out of what.
	inferred bool
	why      string
}

// findEdges gathers the declared needs, and those that can be seen: a loopback address with a port that one other container
// declares, and the proxy that all traffic goes through.
func (e *exam) findEdges() {
	for i := range e.parts {
		for _, need := range e.parts[i].Needs {
			if to := e.part(need.Container); to != nil {
				e.edges = append(e.edges, edge{from: &e.parts[i], to: to, phase: need.Phase})
			}
		}
	}
	for i := range e.parts {
		e.loopbacks(&e.parts[i])
	}
	for i := range e.parts {
		if proxy := &e.parts[i]; proxy.role == RoleProxy && proxy.image != nil && proxy.image.mesh {
			for j := range e.parts {
				if from := &e.parts[j]; !from.init && from != proxy && from.role == "" {
					e.infer(from, proxy, "all its traffic goes through the proxy")
				}
			}
		}
	}
}

// infer adds an edge unless there is one already.
func (e *exam) infer(from, to *part, why string) {
	for i := range e.edges {
		if e.edges[i].from == from && e.edges[i].to == to {
			return
		}
	}
	e.edges = append(e.edges, edge{from, to, Always, true, why})
}

// loopbacks infers edges from addresses of the Pod itself in the environment and the arguments.
func (e *exam) loopbacks(from *part) {
	look := func(text, where string) {
		for _, port := range LoopbackPorts(text) {
			if to := e.listener(port, from); to != nil {
				e.infer(from, to, where+" names port "+strconv.FormatInt(port, 10)+" of the Pod itself")
			}
		}
	}
	for _, v := range from.Env {
		look(v.Value, "its variable "+v.Name)
	}
	for _, word := range from.Args {
		look(word, "an argument")
	}
	for _, word := range from.Command {
		look(word, "its command")
	}
}

// LoopbackPorts returns the ports of loopback addresses in a text.
func LoopbackPorts(text string) []int64 {
	var ports []int64
	for _, host := range [...]string{"localhost:", "127.0.0.1:", "[::1]:"} {
		for rest := text; ; {
			i := strings.Index(rest, host)
			if i < 0 {
				break
			}
			rest = rest[i+len(host):]
			end := 0
			for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
				end++
			}
			if port, err := strconv.ParseInt(rest[:end], 10, 32); err == nil && port > 0 {
				ports = append(ports, port)
			}
		}
	}
	return ports
}

// listener returns the only other container that declares the port; nil if there is none, or if the container declares it itself.
func (e *exam) listener(port int64, besides *part) *part {
	var found *part
	for i := range e.parts {
		p := &e.parts[i]
		for _, declared := range p.Ports {
			switch {
			case declared.Number != port:
			case p == besides || found != nil && found != p:
				return nil
			default:
				found = p
			}
		}
	}
	return found
}

// needing returns the edges that lead to a container and hold in the phase.
func (e *exam) needing(to *part, phase Phase) []*edge {
	var list []*edge
	for i := range e.edges {
		if e.edges[i].to == to && e.edges[i].phase&phase != 0 {
			list = append(list, &e.edges[i])
		}
	}
	return list
}

// allInferred reports whether none of the edges was declared.
func allInferred(edges []*edge) bool {
	for _, one := range edges {
		if !one.inferred {
			return false
		}
	}
	return true
}

// seen says where an inferred edge comes from, in brackets, and nothing of a declared one.
func (e *edge) seen() string {
	if !e.inferred {
		return ""
	}
	return " (" + e.why + ")"
}
