"""What the teacher `stages` is made of: a stage, its rules, and one visit to it."""
