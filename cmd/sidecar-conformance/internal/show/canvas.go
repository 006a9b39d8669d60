package show

import "strings"

// style is a colour of the terminal.
type style uint8

const (
	plain style = iota
	dim
	bold
	red
	green
	yellow
	blue
	magenta
	cyan
)

var escapes = [...]string{
	plain: "\x1b[0m", dim: "\x1b[2m", bold: "\x1b[1m", red: "\x1b[31m", green: "\x1b[32m",
	yellow: "\x1b[33m", blue: "\x1b[34m", magenta: "\x1b[35m", cyan: "\x1b[36m",
}

// cell is one character on the screen.
type cell struct {
	glyph rune
	style style
}

// line is one row of cells that is drawn into before it is written.
type line []cell

// put writes text from the column on and returns the column behind it. What leaves the line is cut.
func (l line) put(column int, s style, text string) int {
	for _, glyph := range text {
		if column >= 0 && column < len(l) {
			l[column] = cell{glyph, s}
		}
		column++
	}
	return column
}

// fill writes the glyph into [from, to).
func (l line) fill(from, to int, s style, glyph rune) {
	for column := max(from, 0); column < min(to, len(l)); column++ {
		l[column] = cell{glyph, s}
	}
}

// painter gathers lines of text.
type painter struct {
	strings.Builder
	color bool
}

func (p *painter) line(l line) {
	end := len(l)
	for end > 0 && (l[end-1].glyph == 0 || l[end-1].glyph == ' ') {
		end--
	}
	current := plain
	for _, c := range l[:end] {
		if c.glyph == 0 {
			c = cell{' ', plain}
		}
		if c.style != current && p.color {
			if current != plain {
				p.WriteString(escapes[plain])
			}
			if c.style != plain {
				p.WriteString(escapes[c.style])
			}
			current = c.style
		}
		p.WriteRune(c.glyph)
	}
	if current != plain {
		p.WriteString(escapes[plain])
	}
	p.WriteByte('\n')
}

// styled writes text in a style.
func (p *painter) styled(s style, text string) {
	if !p.color || s == plain {
		p.WriteString(text)
		return
	}
	p.WriteString(escapes[s])
	p.WriteString(text)
	p.WriteString(escapes[plain])
}

// paragraph writes text, broken between words to stay within width, with the later lines indented.
func (p *painter) paragraph(text string, width, indent int) {
	column, start := 0, 0
	for i, word := range strings.Fields(text) {
		size := len([]rune(word))
		switch {
		case i == 0:
			// Keep the indentation that the text begins with.
			start = len(text) - len(strings.TrimLeft(text, " "))
			p.WriteString(strings.Repeat(" ", start))
			column = start
		case column+1+size > width:
			p.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			p.WriteByte(' ')
			column++
		}
		p.WriteString(word)
		column += size
	}
	p.WriteByte('\n')
}

// cut shortens text to the size, with a mark where something is missing.
func cut(text string, size int, ascii bool) string {
	runes := []rune(text)
	if len(runes) <= size {
		return text
	}
	if size <= 0 {
		return ""
	}
	if ascii {
		return string(runes[:size-1]) + "~"
	}
	return string(runes[:size-1]) + "…"
}
