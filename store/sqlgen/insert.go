package sqlgen

import (
	"slices"
	"strings"
)

// MaxRows is how many rows one statement carries: 100 rows of 30 columns stay
// far below the 32766 parameters of SQLite, and more rows gain nothing.
const MaxRows = 100

// Insert is INSERT INTO table (columns) VALUES ... for so many rows.
func Insert(table string, columns []string, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
	row := "(" + Marks(len(columns)) + ")"
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(row)
	}
	return b.String()
}

// Upsert is Insert for one row that, when the row with these key columns
// exists, sets the other columns instead. Columns in keep are left as they are.
func Upsert(table string, columns, key, keep []string) string {
	var set []string
	for _, c := range columns {
		if !slices.Contains(key, c) && !slices.Contains(keep, c) {
			set = append(set, c+" = excluded."+c)
		}
	}
	return Insert(table, columns, 1) + " ON CONFLICT (" + strings.Join(key, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// Update is UPDATE table SET column = ?, ... WHERE where.
func Update(table string, columns []string, where string) string {
	return "UPDATE " + table + " SET " + strings.Join(columns, " = ?, ") + " = ? WHERE " + where
}

// Positions sets the column position of so many rows, given as pairs (id,
// position), in one statement; cond may narrow which rows it touches and its
// values come after the pairs.
func Positions(table string, rows int, cond string) string {
	// The casts tell Postgres the types, which it cannot infer in a list of
	// parameters. SQLite reads BIGINT as INTEGER.
	row := "(CAST(? AS TEXT), CAST(? AS BIGINT))"
	return "WITH placed (id, position) AS (VALUES " + row + strings.Repeat(", "+row, rows-1) + ") UPDATE " + table +
		" SET position = placed.position FROM placed WHERE " + table + ".id = placed.id AND " + cond
}

// Marks is n placeholders for VALUES (...) or IN (...).
func Marks(n int) string {
	if n <= 0 {
		return ""
	}
	return "?" + strings.Repeat(", ?", n-1)
}

// Like is the pattern that finds q anywhere in a text, literally. It goes with
// LIKE ? ESCAPE '\'.
func Like(q string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q) + "%"
}
