// Package golden compares what tests print with files of their testdata. It refuses to be part of a program: only tests import it, and each
// test package owns its -rewrite flag.
package golden
