package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// The names that the instrumented package gets.
const (
	tableFile   = "branches_table.go"
	nameBranch  = "branchTook"
	nameEntered = "branchEntered"
)

// branch is one place that is counted.
type branch struct {
	file, function string
	line           int
	kind           string
	text           string
}

// instrumented gathers the branches of one package.
type instrumented struct {
	excluded []exclusion
	used     []bool
	branches []branch
}

// insertion is text that goes into a file.
type insertion struct {
	at    int
	outer int // of those at one place, the wider expression opens first and closes last
	text  string
}

// file returns a file's text with the counting put in.
func (p *instrumented) file(name string, text []byte) ([]byte, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("reading the simulator: %w", err)
	}
	v := &visitor{p: p, fset: fset, name: name, text: text, done: map[ast.Expr]bool{}}
	for _, d := range parsed.Decls {
		function, ok := d.(*ast.FuncDecl)
		if ok && !p.excludes(name, function.Name.Name) {
			v.function = function.Name.Name
			ast.Inspect(function, v.visit)
		}
	}
	if v.clash != "" {
		return nil, fmt.Errorf("%s uses the name %s", name, v.clash)
	}
	return v.insert(), nil
}

func (p *instrumented) excludes(file, function string) bool {
	found := false
	for i, e := range p.excluded {
		if e.file == file && (e.function == "" || e.function == function) {
			p.used[i], found = true, true
		}
	}
	return found
}

// visitor walks one file.
type visitor struct {
	p          *instrumented
	fset       *token.FileSet
	name       string
	function   string
	text       []byte
	done       map[ast.Expr]bool // the expressions that are counted
	insertions []insertion
	clash      string
}

// visit is called for each node, the outer before the inner.
func (v *visitor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Ident:
		if n.Name == nameBranch || n.Name == nameEntered {
			v.clash = n.Name
		}
	case *ast.IfStmt:
		v.condition(n.Cond, "if")
	case *ast.ForStmt:
		if n.Cond != nil {
			v.condition(n.Cond, "for")
		}
	case *ast.RangeStmt:
		v.enters(n.Body.Lbrace, v.line(n.For), "range", v.source(n.For, n.Body.Lbrace))
	case *ast.SwitchStmt:
		v.clauses(n.Body, n.Switch, n.Tag == nil)
	case *ast.TypeSwitchStmt:
		v.clauses(n.Body, n.Switch, false)
	case *ast.BinaryExpr:
		if logical(n) {
			v.condition(n.X, "operand")
			v.condition(n.Y, "operand")
		}
	}
	return true
}

func logical(e ast.Expr) bool {
	b, ok := ast.Unparen(e).(*ast.BinaryExpr)
	return ok && (b.Op == token.LAND || b.Op == token.LOR)
}

// condition counts both ways of an expression, unless its operands do.
func (v *visitor) condition(e ast.Expr, kind string) {
	if logical(e) || v.done[e] {
		return
	}
	v.done[e] = true
	number := v.add(v.line(e.Pos()), kind, v.source(e.Pos(), e.End()))
	width := int(e.End() - e.Pos())
	v.put(e.Pos(), -width, fmt.Sprintf("%s(%d, ", nameBranch, number))
	v.put(e.End(), width, ")")
}

// clauses counts the clauses of a switch. Those of a switch without a tag are conditions.
func (v *visitor) clauses(body *ast.BlockStmt, at token.Pos, conditions bool) {
	head := v.source(at, body.Lbrace)
	hasDefault := false
	for _, s := range body.List {
		clause := s.(*ast.CaseClause)
		hasDefault = hasDefault || clause.List == nil
		if !conditions {
			v.enters(clause.Colon, v.line(clause.Case), "clause", head+" { "+v.source(clause.Case, clause.Colon)+" }")
			continue
		}
		for _, e := range clause.List {
			v.condition(e, "case")
		}
	}
	if !hasDefault && !conditions {
		number := v.add(v.line(at), "default", head+" { none of its clauses }")
		v.put(body.Rbrace, 0, fmt.Sprintf("default: %s(%d)", nameEntered, number))
	}
}

// enters counts behind the character at a position.
func (v *visitor) enters(at token.Pos, line int, kind, text string) {
	v.put(at+1, 0, fmt.Sprintf(" %s(%d);", nameEntered, v.add(line, kind, text)))
}

func (v *visitor) add(line int, kind, text string) int {
	v.p.branches = append(v.p.branches, branch{file: v.name, function: v.function, line: line, kind: kind, text: text})
	return len(v.p.branches) - 1
}

func (v *visitor) put(at token.Pos, outer int, text string) {
	v.insertions = append(v.insertions, insertion{at: v.fset.Position(at).Offset, outer: outer, text: text})
}

func (v *visitor) line(at token.Pos) int { return v.fset.Position(at).Line }

// source is the text between two positions on one line.
func (v *visitor) source(from, to token.Pos) string {
	text := v.text[v.fset.Position(from).Offset:v.fset.Position(to).Offset]
	return strings.Join(strings.Fields(string(text)), " ")
}

// insert returns the text with all insertions.
func (v *visitor) insert() []byte {
	slices.SortStableFunc(v.insertions, func(a, b insertion) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(closes(b), closes(a)), cmp.Compare(a.outer, b.outer))
	})
	var out []byte
	last := 0
	for _, i := range v.insertions {
		out = append(append(out, v.text[last:i.at]...), i.text...)
		last = i.at
	}
	return append(out, v.text[last:]...)
}

// closes is 1 for text that closes an expression: it stands before what opens at the same place.
func closes(i insertion) int {
	if i.outer > 0 {
		return 1
	}
	return 0
}
