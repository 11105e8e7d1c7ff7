"""What rules and a model's probability make of a purchase: one case a line.

A line: up to three rules, with the ids a, b, c (`~` is a shadow, `!` does not match, a number is a weight);
the model's probability; score, decision and what decided; what each shadow rule would have made of it.
The thresholds are those of `Thresholds`, with the model's at 0.4. The figures were worked out in fractions.
"""

CASES = """
allow                 | -    | 0 allow a                   |
allow                 | .1   | 0.1 allow a                 |
allow                 | .39  | 0.39 allow a                |
allow                 | .4   | 0.4 allow a                 |
allow                 | .5   | 0.5 allow a                 |
allow                 | .85  | 0.85 allow a                |
allow                 | .95  | 0.95 allow a                |
block                 | -    | 1 block a                   |
block                 | .1   | 1 block a                   |
block                 | .39  | 1 block a                   |
block                 | .4   | 1 block a                   |
block                 | .5   | 1 block a                   |
block                 | .85  | 1 block a                   |
block                 | .95  | 1 block a                   |
review                | -    | 0.5 review a                |
review                | .1   | 0.55 review a               |
review                | .39  | 0.695 review a              |
review                | .4   | 0.7 review a                |
review                | .5   | 0.75 review a               |
review                | .85  | 0.925 block score           |
review                | .95  | 0.975 block score           |
.3                    | -    | 0.3 none -                  |
.3                    | .1   | 0.37 none -                 |
.3                    | .39  | 0.573 review score          |
.3                    | .4   | 0.58 review model           |
.3                    | .5   | 0.65 review model           |
.3                    | .85  | 0.895 review model          |
.3                    | .95  | 0.965 block score           |
.6                    | -    | 0.6 review score            |
.6                    | .1   | 0.64 review score           |
.6                    | .39  | 0.756 review score          |
.6                    | .4   | 0.76 review model           |
.6                    | .5   | 0.8 review model            |
.6                    | .85  | 0.94 block score            |
.6                    | .95  | 0.98 block score            |
~allow                | -    | 0 none -                    | a=0,allow
~allow                | .2   | 0.2 none -                  | a=0.2,allow
~allow                | .6   | 0.6 review model            | a=0.6,allow
allow!                | -    | nothing                     |
allow!                | .7   | 0.7 review model            |
~allow!               | -    | nothing                     |
~block                | -    | 0 none -                    | a=1,block
~block                | .2   | 0.2 none -                  | a=1,block
~block                | .6   | 0.6 review model            | a=1,block
block!                | -    | nothing                     |
block!                | .7   | 0.7 review model            |
~block!               | -    | nothing                     |
~review               | -    | 0 none -                    | a=0.5,review
~review               | .2   | 0.2 none -                  | a=0.6,review
~review               | .6   | 0.6 review model            | a=0.8,review
review!               | -    | nothing                     |
review!               | .7   | 0.7 review model            |
~review!              | -    | nothing                     |
~.3                   | -    | 0 none -                    | a=0.3,none
~.3                   | .2   | 0.2 none -                  | a=0.44,none
~.3                   | .6   | 0.6 review model            | a=0.72,review
.3!                   | -    | nothing                     |
.3!                   | .7   | 0.7 review model            |
~.3!                  | -    | nothing                     |
~.6                   | -    | 0 none -                    | a=0.6,review
~.6                   | .2   | 0.2 none -                  | a=0.68,review
~.6                   | .6   | 0.6 review model            | a=0.84,review
.6!                   | -    | nothing                     |
.6!                   | .7   | 0.7 review model            |
~.6!                  | -    | nothing                     |
allow allow           | -    | 0 allow a                   |
allow allow           | .4   | 0.4 allow a                 |
allow block           | -    | 1 allow a                   |
allow block           | .4   | 1 allow a                   |
allow review          | -    | 0.5 allow a                 |
allow review          | .4   | 0.7 allow a                 |
allow .3              | -    | 0.3 allow a                 |
allow .3              | .4   | 0.58 allow a                |
allow .6              | -    | 0.6 allow a                 |
allow .6              | .4   | 0.76 allow a                |
block allow           | -    | 1 allow b                   |
block allow           | .4   | 1 allow b                   |
block block           | -    | 1 block a                   |
block block           | .4   | 1 block a                   |
block review          | -    | 1 block a                   |
block review          | .4   | 1 block a                   |
block .3              | -    | 1 block a                   |
block .3              | .4   | 1 block a                   |
block .6              | -    | 1 block a                   |
block .6              | .4   | 1 block a                   |
review allow          | -    | 0.5 allow b                 |
review allow          | .4   | 0.7 allow b                 |
review block          | -    | 1 block b                   |
review block          | .4   | 1 block b                   |
review review         | -    | 0.75 review a               |
review review         | .4   | 0.85 review a               |
review .3             | -    | 0.65 review a               |
review .3             | .4   | 0.79 review a               |
review .6             | -    | 0.8 review a                |
review .6             | .4   | 0.88 review a               |
.3 allow              | -    | 0.3 allow b                 |
.3 allow              | .4   | 0.58 allow b                |
.3 block              | -    | 1 block b                   |
.3 block              | .4   | 1 block b                   |
.3 review             | -    | 0.65 review b               |
.3 review             | .4   | 0.79 review b               |
.3 .3                 | -    | 0.51 review score           |
.3 .3                 | .4   | 0.706 review model          |
.3 .6                 | -    | 0.72 review score           |
.3 .6                 | .4   | 0.832 review model          |
.6 allow              | -    | 0.6 allow b                 |
.6 allow              | .4   | 0.76 allow b                |
.6 block              | -    | 1 block b                   |
.6 block              | .4   | 1 block b                   |
.6 review             | -    | 0.8 review b                |
.6 review             | .4   | 0.88 review b               |
.6 .3                 | -    | 0.72 review score           |
.6 .3                 | .4   | 0.832 review model          |
.6 .6                 | -    | 0.84 review score           |
.6 .6                 | .4   | 0.904 block score           |
allow ~allow          | -    | 0 allow a                   | b=0,allow
allow ~block          | -    | 0 allow a                   | b=1,allow
allow ~review         | -    | 0 allow a                   | b=0.5,allow
allow ~.3             | -    | 0 allow a                   | b=0.3,allow
allow ~.6             | -    | 0 allow a                   | b=0.6,allow
block ~allow          | -    | 1 block a                   | b=1,allow
block ~block          | -    | 1 block a                   | b=1,block
block ~review         | -    | 1 block a                   | b=1,block
block ~.3             | -    | 1 block a                   | b=1,block
block ~.6             | -    | 1 block a                   | b=1,block
review ~allow         | -    | 0.5 review a                | b=0.5,allow
review ~block         | -    | 0.5 review a                | b=1,block
review ~review        | -    | 0.5 review a                | b=0.75,review
review ~.3            | -    | 0.5 review a                | b=0.65,review
review ~.6            | -    | 0.5 review a                | b=0.8,review
.3 ~allow             | -    | 0.3 none -                  | b=0.3,allow
.3 ~block             | -    | 0.3 none -                  | b=1,block
.3 ~review            | -    | 0.3 none -                  | b=0.65,review
.3 ~.3                | -    | 0.3 none -                  | b=0.51,review
.3 ~.6                | -    | 0.3 none -                  | b=0.72,review
.6 ~allow             | -    | 0.6 review score            | b=0.6,allow
.6 ~block             | -    | 0.6 review score            | b=1,block
.6 ~review            | -    | 0.6 review score            | b=0.8,review
.6 ~.3                | -    | 0.6 review score            | b=0.72,review
.6 ~.6                | -    | 0.6 review score            | b=0.84,review
~.3 ~.3               | -    | 0 none -                    | a=0.3,none b=0.3,none
.3! .3                | -    | 0.3 none -                  |
.3 .3!                | .3   | 0.51 review score           |
~.3 .3                | .8   | 0.86 review model           | a=0.902,block
~review ~.6           | -    | 0 none -                    | a=0.5,review b=0.6,review
review! .6            | -    | 0.6 review score            |
review .6!            | .3   | 0.65 review a               |
~review .6            | .8   | 0.92 block score            | a=0.96,block
~block ~allow         | -    | 0 none -                    | a=1,block b=0,allow
block! allow          | -    | 0 allow b                   |
block allow!          | .3   | 1 block a                   |
~block allow          | .8   | 0.8 allow b                 | a=1,allow
~allow ~block         | -    | 0 none -                    | a=0,allow b=1,block
allow! block          | -    | 1 block b                   |
allow block!          | .3   | 0.3 allow a                 |
~allow block          | .8   | 1 block b                   | a=1,allow
~.6 ~review           | -    | 0 none -                    | a=0.6,review b=0.5,review
.6! review            | -    | 0.5 review b                |
.6 review!            | .3   | 0.72 review score           |
~.6 review            | .8   | 0.9 block score             | a=0.96,block
~review ~review       | -    | 0 none -                    | a=0.5,review b=0.5,review
review! review        | -    | 0.5 review b                |
review review!        | .3   | 0.65 review a               |
~review review        | .8   | 0.9 block score             | a=0.95,block
~block ~review        | -    | 0 none -                    | a=1,block b=0.5,review
block! review         | -    | 0.5 review b                |
block review!         | .3   | 1 block a                   |
~block review         | .8   | 0.9 block score             | a=1,block
allow block review    | -    | 1 allow a                   |
allow block review    | .4   | 1 allow a                   |
block review allow    | -    | 1 allow c                   |
block review allow    | .4   | 1 allow c                   |
review allow block    | -    | 1 allow b                   |
review allow block    | .4   | 1 allow b                   |
.3 .3 .3              | -    | 0.657 review score          |
.3 .3 .3              | .4   | 0.7942 review model         |
.6 .6 .3              | -    | 0.888 review score          |
.6 .6 .3              | .4   | 0.9328 block score          |
.6 .6 .6              | -    | 0.936 block score           |
.6 .6 .6              | .4   | 0.9616 block score          |
review .6 .5          | -    | 0.9 block score             |
review .6 .5          | .4   | 0.94 block score            |
.5 .6 .5              | -    | 0.9 block score             |
.5 .6 .5              | .4   | 0.94 block score            |
.8 .5 ~block          | -    | 0.9 block score             | c=1,block
.8 .5 ~block          | .4   | 0.94 block score            | c=1,block
review review review  | -    | 0.875 review a              |
review review review  | .4   | 0.925 block score           |
review review .6      | -    | 0.9 block score             |
review review .6      | .4   | 0.94 block score            |
~allow block .3       | -    | 1 block b                   | a=1,allow
~allow block .3       | .4   | 1 block b                   | a=1,allow
~block allow .3       | -    | 0.3 allow b                 | a=1,allow
~block allow .3       | .4   | 0.58 allow b                | a=1,allow
block block! block    | -    | 1 block a                   |
block block! block    | .4   | 1 block a                   |
review! block! allow  | -    | 0 allow c                   |
review! block! allow  | .4   | 0.4 allow c                 |
~review ~block ~allow | -    | 0 none -                    | a=0.5,review b=1,block c=0,allow
~review ~block ~allow | .4   | 0.4 review model            | a=0.7,review b=1,block c=0.4,allow
.1 .1 .1              | -    | 0.271 none -                |
.1 .1 .1              | .4   | 0.5626 review model         |
.2 .25 .1             | -    | 0.46 none -                 |
.2 .25 .1             | .4   | 0.676 review model          |
1 allow! .3           | -    | 1 block score               |
1 allow! .3           | .4   | 1 block score               |
1 allow .3            | -    | 1 allow b                   |
1 allow .3            | .4   | 1 allow b                   |
1 review .3           | -    | 1 block score               |
1 review .3           | .4   | 1 block score               |
.9 .3! .3!            | -    | 0.9 block score             |
.9 .3! .3!            | .4   | 0.94 block score            |
.89 .3! .3!           | -    | 0.89 review score           |
.89 .3! .3!           | .4   | 0.934 block score           |
.899999999 ~.1 .3!    | -    | 0.899999999 review score    | b=0.909999999,block
.899999999 ~.1 .3!    | .4   | 0.939999999 block score     | b=0.945999999,block
.5 .8 .3!             | -    | 0.9 block score             |
.5 .8 .3!             | .4   | 0.94 block score            |
.75 .6 ~.01           | -    | 0.9 block score             | c=0.901,block
.75 .6 ~.01           | .4   | 0.94 block score            | c=0.9406,block
.49 ~.02 .02!         | -    | 0.49 none -                 | b=0.5002,review
.49 ~.02 .02!         | .4   | 0.694 review model          | b=0.70012,review
.49 .02 ~allow        | -    | 0.5002 review score         | c=0.5002,allow
.49 .02 ~allow        | .4   | 0.70012 review model        | c=0.70012,allow
-                     | -    | nothing                     |
-                     | 0    | nothing                     |
-                     | 1    | 1 block score               |
-                     | .39  | nothing                     |
-                     | .4   | 0.4 review model            |
-                     | .49  | 0.49 review model           |
-                     | .5   | 0.5 review model            |
-                     | .89  | 0.89 review model           |
-                     | .9   | 0.9 block score             |
"""
