// Package random draws numbers that are the same on every platform and in every release of Go. It refuses to seed itself.
package random
